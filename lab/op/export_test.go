package op

// Facts is every type of fact that Decode knows.
func Facts() []Op { return facts }

// Odd says whether the last line was left to encoding/json.
func (r *Lines) Odd() bool { return r.odd }
