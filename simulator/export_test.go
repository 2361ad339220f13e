package simulator

// ParseShort is parseShort, which a test holds against net/http.
var ParseShort = parseShort
