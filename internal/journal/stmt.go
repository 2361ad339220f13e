package journal

import "zombiezen.com/go/sqlite"

// run executes a statement that returns no rows.
func run(stmt *sqlite.Stmt) error {
	_, err := stmt.Step()
	if rerr := stmt.Reset(); err == nil {
		err = rerr
	}
	return err
}

// each calls f for every row until f returns false.
func each(stmt *sqlite.Stmt, f func() bool) error {
	for {
		row, err := stmt.Step()
		if err != nil {
			return err
		}
		if !row || !f() {
			return stmt.Reset()
		}
	}
}

// finalize ends a statement that was prepared for once. Its error is that of the last
// step, which was seen there.
func finalize(stmt *sqlite.Stmt) { _ = stmt.Finalize() }

// readInt reads the one number a query returns; null reads as 0.
func readInt(c *sqlite.Conn, query string, dst *int64) error {
	stmt, err := c.Prepare(query)
	if err != nil {
		return err
	}
	return each(stmt, func() bool {
		*dst = stmt.ColumnInt64(0)
		return true
	})
}

func columnBytes(stmt *sqlite.Stmt, col int) []byte {
	b := make([]byte, stmt.ColumnLen(col))
	stmt.ColumnBytes(col, b)
	return b
}

// poke puts a value into a channel of size 1, unless one is there.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
