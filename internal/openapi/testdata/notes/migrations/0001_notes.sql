CREATE TABLE "notes" (
  "id" INTEGER PRIMARY KEY,
  "title" TEXT NOT NULL,
  "body" TEXT,
  "state" TEXT NOT NULL DEFAULT 'open' CHECK ("state" IN ('open', 'done')),
  "stars" INTEGER NOT NULL DEFAULT 0,
  "weight" REAL,
  "pinned" INTEGER NOT NULL DEFAULT 0 CHECK ("pinned" IN (0, 1)),
  "created_at" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
