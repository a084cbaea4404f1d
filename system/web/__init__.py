"""What API and dashboard share as web servers: whose requests they take, and how many."""
