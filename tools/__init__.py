"""What sets the portal up: dependencies, front-end files, services for the tests."""
