import java.io.RandomAccessFile;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel.MapMode;

/**
 * Writes a file through a mapping, as Kafka writes its indexes: makes it long, writes "kept" and forces it, writes "lost"
 * behind it, and ends without another word.
 */
class Mapped {
    public static void main(String[] args) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(args[0], "rw")) {
            file.setLength(1 << 20);
            MappedByteBuffer map = file.getChannel().map(MapMode.READ_WRITE, 0, 1 << 20);
            map.put("kept".getBytes());
            map.force();
            map.put("lost".getBytes());
        }
    }
}
