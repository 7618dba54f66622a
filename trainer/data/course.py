"""The course's data set, which its npz file's keys tell."""

COURSE_NAMES = ("background", "soil", "bedrock", "sand", "big rock")
COURSE_IGNORE = 0  # the background: pixels without annotation
