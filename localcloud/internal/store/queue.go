package store

import "github.com/tamylaa/clodo/localcloud/internal/queue"

// queueSchema: the messages of a queue live with the broker, under its id.
const queueSchema = `CREATE TABLE IF NOT EXISTS queues(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, UNIQUE(account, name)) STRICT;
`

// AllQueues lists the queues of all accounts.
func (tx *Tx) AllQueues() ([]queue.Queue, error) {
	return list[queue.Queue](tx, `SELECT doc FROM queues ORDER BY seq`)
}

// Queues lists the queues of an account.
func (tx *Tx) Queues(account string) ([]queue.Queue, error) {
	return list[queue.Queue](tx, `SELECT doc FROM queues WHERE account = ? ORDER BY seq`, account)
}

// Queue is the queue with that id.
func (tx *Tx) Queue(account, id string) (queue.Queue, error) {
	return first[queue.Queue](tx, `SELECT doc FROM queues WHERE account = ? AND id = ?`, account, id)
}

// QueueNamed is the queue with that name.
func (tx *Tx) QueueNamed(account, name string) (queue.Queue, error) {
	return first[queue.Queue](tx, `SELECT doc FROM queues WHERE account = ? AND name = ?`, account, name)
}

// PutQueue adds or replaces a queue; ErrExists when the account has its name.
func (tx *Tx) PutQueue(q queue.Queue) error {
	return insert(tx, `INSERT INTO queues(id, account, name, doc) VALUES(?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET name = excluded.name, doc = excluded.doc`, q, q.ID, q.Account, q.Name)
}

// DeleteQueue removes a queue's record.
func (tx *Tx) DeleteQueue(id string) error {
	return tx.conn.exec(`DELETE FROM queues WHERE id = ?`, id)
}
