"""The one intermediate form: bands, terms and chains make a `Program`."""
