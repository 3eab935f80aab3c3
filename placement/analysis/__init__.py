"""Where compute idles and why, what each rule costs, and what a change would be worth."""
