"""Source of a load: its plan, the shape of its rate, and the process that sends it open loop."""
