"""The pages of the portal and the Control Center."""
