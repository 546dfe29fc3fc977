"""Lists of recipients: files, chunks, and the refusals of JSMS."""
