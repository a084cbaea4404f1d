"""HTTP of the API: requests, parameters, responses, problems and documentation."""
