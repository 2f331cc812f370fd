"""The example organization, and the changes it has under way when a newcomer first looks."""
