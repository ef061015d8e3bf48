"""The SQL that both storages run, and the file it runs on."""
