ALTER TABLE orders ADD COLUMN created_at TEXT NOT NULL DEFAULT '';
CREATE INDEX orders_by_item ON orders (item);
