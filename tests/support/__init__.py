"""What tests share: paths, a real model server, a closed network."""
