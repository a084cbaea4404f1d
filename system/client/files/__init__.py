"""Portfolio and price files: parsed into messages; each error has line, field and value."""
