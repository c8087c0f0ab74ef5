"""The tests of findops: laws over one table of cases, and independent references."""
