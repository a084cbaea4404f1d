"""Contents of the panels that show an answer or a statistic: tables, maps, waterfalls, lines."""
