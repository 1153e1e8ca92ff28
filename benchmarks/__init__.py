"""What the portal promises in milliseconds, measured side by side with a floor in one run."""
