"""Dependencies of an installation: their inventory, the SBOM made of it, known vulnerabilities."""
