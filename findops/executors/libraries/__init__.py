"""Application to arrays of other libraries, and to fields on disk."""
