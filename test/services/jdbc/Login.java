// Logs in, and says who PostgreSQL thinks it is, or with which error that failed. Arguments: URLs.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

public class Login {
  public static void main(String[] urls) throws Exception {
    for (String url : urls) {
      try (Connection connection = DriverManager.getConnection(url);
          Statement statement = connection.createStatement();
          ResultSet rows = statement.executeQuery("SELECT session_user")) {
        rows.next();
        System.out.println(rows.getString(1));
      } catch (SQLException error) {
        System.out.println(error.getSQLState() + " " + error.getMessage().replace('\n', ' '));
      }
    }
  }
}
