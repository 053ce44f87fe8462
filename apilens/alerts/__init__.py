"""Rules over events: what they ask, when they fire, and who is told."""
