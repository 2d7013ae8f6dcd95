"""Sessions: requests, answers, acknowledgements and service messages over one auth key. Sans-IO, both roles."""
