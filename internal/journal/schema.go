package journal

import (
	"fmt"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// applicationID marks the file as igloo's: "IGLO" in ASCII. file(1) shows it.
const applicationID = 0x49474c4f

// eventBits is how many low bits of an event's id hold its place in the delivery;
// the rest is the delivery's id, so that events sort like deliveries.
// [webhook.MaxEvents] fits.
const eventBits = 14

// migrations[i] takes a journal from version i to i+1. The version is SQLite's
// user_version. Released migrations are never changed.
var migrations = []string{migration1, migration2}

// migration1 is the first schema. docs/architecture.md explains it; in short:
//
//   - delivery, verification and attempt are what happened. They are written once.
//   - everything else is derived from these, a moment later and in their order, and
//     could be derived again. state says how far that has come: a delivery above
//     "indexed" is in none of the tables below.
//   - event holds the events of the bodies. search indexes event.words; its tokens are
//     made by appendWords, so the tokenizer only has to split at spaces. word lists
//     the words in it, which makes a search by prefix a search for words.
//   - verdict lists the deliveries by verdict and source: an index, but written with
//     the derived rows, so that an arrival touches one table only.
//   - pending names the deliveries to be forwarded that have no attempt.
//   - tally counts what stats shows.
const migration1 = `
create table delivery (
	id       integer primary key,
	at       integer not null, -- unix nanoseconds
	source   text not null,
	verdict  text not null,
	secret   text not null,
	reason   text not null,
	fixture  text not null,
	remote   text not null,
	answered integer not null,
	forward  integer not null,
	head     blob not null,    -- request line, Host and header lines
	body     blob not null
) strict;

create table attempt (
	id        integer primary key,
	delivery  integer not null,
	n         integer not null,
	last      integer not null, -- 1 for the newest of its delivery
	at        integer not null,
	took      integer not null, -- nanoseconds
	pace      integer not null, -- its magnitude: bits of the milliseconds
	target    text not null,
	replay    integer not null,
	status    integer not null, -- 0 without an answer
	err       text not null,
	truncated integer not null,
	head      blob not null,
	body      blob not null
) strict;
create index attempt_delivery on attempt (delivery, n);
create index attempt_status on attempt (status, delivery) where last;
create index attempt_pace on attempt (pace, delivery, took) where last and pace > 3;
create index attempt_replay on attempt (delivery) where replay and last;

create table verification (
	id     integer primary key,
	at     integer not null,
	uri    text not null,
	host   text not null,
	remote text not null,
	self   integer not null,
	status integer not null,
	reason text not null,
	head   blob not null
) strict;

create table event (
	id        integer primary key, -- delivery << 14 | n
	at        integer not null,
	field     text not null,
	kind      text not null,
	flags     integer not null,
	account   text not null,
	party     text not null,
	username  text not null,
	summary   text not null,
	words     text not null,
	events    integer not null,    -- in the first event: of the whole delivery
	all_flags integer not null     -- likewise
) strict;
create virtual table search using fts5 (
	words, content = 'event', content_rowid = 'id', columnsize = 0,
	tokenize = "ascii tokenchars ':._@%-'"
);
create table word (
	term text primary key
) strict, without rowid;
create table verdict (
	verdict  text not null,
	source   text not null,
	delivery integer not null,
	primary key (verdict, source, delivery)
) strict, without rowid;
create table pending (
	delivery integer primary key
) strict;
create table tally (
	kind text not null,
	name text not null,
	n    integer not null,
	primary key (kind, name)
) strict, without rowid;
create table state (
	key   text primary key,
	value integer not null
) strict, without rowid;
insert into state values ('indexed', 0), ('indexed_events', 0);
`

// migration2 is for what is noticed and for pruning:
//
//   - event.identity is [webhook.Event.Identity], by which an event is known when it
//     comes again. Events of before have none.
//   - notice holds what was noticed of an event, or of a delivery when n is 0. kind is
//     the bit of a [Mark]; other depends on it.
//   - state "pruned" is the newest delivery that was pruned, "pruned_attempts" how many
//     attempts were, and "last_attempt" what their ids had come to.
//   - tally counts the statuses of the last attempts, too, written with the attempts.
//   - three more flags can be asked for by their tags.
const migration2 = `
alter table attempt add column resigned integer not null default 0;
alter table event add column identity integer not null default 0;
create table notice (
	event integer not null, -- delivery << 14 | n
	kind  integer not null,
	other integer not null,
	primary key (event, kind)
) strict, without rowid;
create index notice_kind on notice (kind, event);
insert into state values ('pruned', 0), ('pruned_attempts', 0), ('last_attempt', 0);
insert into tally (kind, name, n) select 'status', status, count(*) from attempt where last group by status;

insert into search (search, rowid, words) select 'delete', id, words from event where flags & 352;
update event set words = words
	|| case when flags & 32 then ' :is:no_sender' else '' end
	|| case when flags & 64 then ' :is:hollow_edit' else '' end
	|| case when flags & 256 then ' :is:without_value' else '' end
	where flags & 352;
insert into search (rowid, words) select id, words from event where flags & 352;
`

// The newest ids there have ever been. The tables alone do not tell once everything is
// pruned.
const (
	selectLast        = "select max((select ifnull(max(id), 0) from delivery), (select value from state where key = 'pruned'))"
	selectLastAttempt = "select max((select ifnull(max(id), 0) from attempt), (select value from state where key = 'last_attempt'))"
)

// migrate brings the database to the newest version, in one transaction.
func migrate(c *sqlite.Conn, steps []string) (err error) {
	version, err := pragmaInt(c, "user_version")
	if err != nil {
		return err
	}
	if version == len(steps) {
		return nil
	}
	if version > len(steps) {
		return fmt.Errorf("%w: version %d, this igloo knows %d", ErrNewer, version, len(steps))
	}
	end, err := sqlitex.ImmediateTransaction(c)
	if err != nil {
		return err
	}
	defer end(&err)
	for i := version; i < len(steps); i++ {
		if err := sqlitex.ExecuteScript(c, steps[i], nil); err != nil {
			return fmt.Errorf("migrate to version %d: %w", i+1, err)
		}
	}
	if err := sqlitex.ExecuteTransient(c, fmt.Sprintf("pragma application_id = %d", applicationID), nil); err != nil {
		return err
	}
	return sqlitex.ExecuteTransient(c, fmt.Sprintf("pragma user_version = %d", len(steps)), nil)
}

// checkVersion says whether a reader understands the database as it is.
func checkVersion(c *sqlite.Conn) error {
	if err := checkOurs(c); err != nil {
		return err
	}
	version, err := pragmaInt(c, "user_version")
	switch {
	case err != nil:
		return err
	case version > len(migrations):
		return fmt.Errorf("%w: version %d, this igloo knows %d", ErrNewer, version, len(migrations))
	case version < len(migrations):
		return fmt.Errorf("%w: version %d, this igloo wants %d", ErrOlder, version, len(migrations))
	}
	return nil
}

// checkOurs refuses a database that another program made. An empty one is ours to
// fill.
func checkOurs(c *sqlite.Conn) error {
	id, err := pragmaInt(c, "application_id")
	if err != nil || id == applicationID {
		return err
	}
	tables, err := sqlitex.ResultInt(c.Prep("select count(*) from sqlite_schema"))
	if err != nil {
		return err
	}
	if id != 0 || tables > 0 {
		return fmt.Errorf("%w: a database of another program (application id %#x)", ErrDamaged, id)
	}
	return nil
}

func pragmaInt(c *sqlite.Conn, name string) (int, error) {
	var n int
	err := sqlitex.ExecuteTransient(c, "pragma "+name, &sqlitex.ExecOptions{
		ResultFunc: func(stmt *sqlite.Stmt) error {
			n = stmt.ColumnInt(0)
			return nil
		},
	})
	return n, err
}
