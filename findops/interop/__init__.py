"""What other programs read and hold."""
