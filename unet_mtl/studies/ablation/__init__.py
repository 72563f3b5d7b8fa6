"""Did it help to learn the tasks together? One network for all of them against one for each."""
