"""Search methods, one file a library; each is driven as its documentation says, none is written again."""
