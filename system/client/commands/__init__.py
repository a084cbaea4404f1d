"""Commands of ``riskstream`` that ask the API, and how they print its answers."""
