"""Views that the panels draw: formatted text with the number that it shows.

Pure. A browser sorts and draws and computes no number; every figure on the screen is made
here, from a ``RiskSnapshot``, and tested without a browser.
"""
