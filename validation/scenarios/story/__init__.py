"""Stories: a scenario's market, books and days as a timeline under pure edits, and its source."""
