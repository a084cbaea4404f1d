"""One micro-batch: decoded, folded, valued, published and made durable."""
