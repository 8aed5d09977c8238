"""How the demo model is made: synthesize speech, train, export, evaluate."""
