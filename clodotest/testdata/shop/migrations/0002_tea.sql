INSERT INTO items(name) VALUES('tea; "green"'); -- the first
