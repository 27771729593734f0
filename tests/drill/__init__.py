"""`make drill`: a year of demonstration data, a machine that is gone, and the way back. Writes var/drill.json."""
