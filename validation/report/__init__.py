"""Reports of the harness: their JSON shapes, HTML pages, charts and JUnit files."""
