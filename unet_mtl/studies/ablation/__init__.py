"""The benefit of joint learning: one network for all tasks, compared with one network for each."""
