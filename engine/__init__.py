"""The engine floor: commands change state, diagrams advance, nothing is lost or done twice."""
