"""The portal as people see it: served for real, looked at in a headless browser."""
