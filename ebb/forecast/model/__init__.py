"""The simulator in virtual time: queue, service, workers, metrics and scaling. It knows neither prices nor reports."""
