"""Markets of your own: messages checked, prices sent, days closed."""
