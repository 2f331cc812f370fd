"""The engine floor: commands change state, the runtime advances diagrams, nothing is lost or done twice."""
