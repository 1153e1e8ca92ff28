"""The demo: a committee that does not exist, and what it did in a year; loaded in demo mode only."""
