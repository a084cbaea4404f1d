"""What the panels draw: formatted text beside the number it stands for.

Pure. A browser sorts and draws and computes no number; every figure on the screen is made
here, from a ``RiskSnapshot``, and tested without a browser.
"""
