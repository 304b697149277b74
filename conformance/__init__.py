"""The suites that others publish, run against Packhouse as their users would."""
