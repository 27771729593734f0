"""What other systems read of a sitting: rows become values, nothing is written to the database."""
