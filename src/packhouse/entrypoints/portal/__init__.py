"""The portal and the Control Center: pages for people, rendered here, working without any script."""
