"""What a home holds that its user did not write: shown, and loaded only once that user said so."""
