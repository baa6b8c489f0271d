package op

// Facts is every type of fact that Decode knows.
func Facts() []Op { return facts }
