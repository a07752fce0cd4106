"""What every command stands on: its configuration, the opened store, what it asks, prints and records."""
