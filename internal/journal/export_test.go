package journal

import (
	"context"
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// Migrate is migrate, for steps that were never released.
func Migrate(c *sqlite.Conn, steps []string) error { return migrate(c, steps) }

// Migrations are the released ones.
func Migrations() []string { return migrations }

// LimitPages makes the disk of a journal in memory full at n pages; 0 gives the space
// back.
func (j *Journal) LimitPages(ctx context.Context, n int) error {
	c, err := j.conns.get(ctx)
	if err != nil {
		return err
	}
	defer j.conns.put(c)
	if n == 0 {
		n = 1 << 30
	}
	return sqlitex.ExecuteTransient(c, fmt.Sprintf("pragma max_page_count = %d", n), nil)
}

// Scan answers a query without any index, oldest first.
func (j *Journal) Scan(ctx context.Context, q Query) (ids []int64, err error) {
	err = j.read(ctx, func(c *sqlite.Conn) error {
		r := everything
		r.ascending = true
		_, err := listSource(c, q, q.scan(r.order()), r, func(id int64) bool {
			ids = append(ids, id)
			return true
		})
		return err
	})
	return ids, err
}
